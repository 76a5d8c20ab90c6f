"""What a shell completes for ``PATH[:NAME]``: files, and after a colon the models of one."""

from __future__ import annotations

import ast
from pathlib import Path

import click
from click.shell_completion import CompletionItem


class Target(click.types.StringParamType):
    """A file or folder of models, or one model. The file is read to complete it, never run."""

    name = "target"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what `incomplete` may go on as."""
        path, colon, start = incomplete.rpartition(":")
        if not colon or not path.endswith(".py"):
            return [CompletionItem(incomplete, type="file")]
        names = [name for name in model_names(path) if name.startswith(start)]
        return [CompletionItem(f"{path}:{name}") for name in names]


TARGET = Target()


def model_names(path: str) -> list[str]:
    """Return the functions of a file that are decorated as models; none where it is no Python."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(map(_is_model, node.decorator_list))
    ]


def _is_model(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] == "model"


__all__ = ["TARGET", "Target", "model_names"]
