"""What single instructions of assembly tests compute: widths, shifts, flags, arrays."""

from __future__ import annotations

import pytest

from modelcheck.axiomatic.models import MODELS
from modelcheck.errors import UsageError
from modelcheck.litmus.errors import LitmusError
from modelcheck.litmus.herd import state_text
from modelcheck.litmus.run import Outcome, run
from modelcheck.litmus.test import parse

ARM, X86, PPC = "AArch64", "X86_64", "PPC"
MODEL = {ARM: "armv8", X86: "x86-tso", PPC: "power"}


def outcome(arch: str, init: str, program: str, question: str) -> Outcome:
    """The outcome of one process, whose instructions are separated by semicolons."""
    rows = "".join(f"{row.strip()} ;\n" for row in program.split(";"))
    text = f"{arch} one\n{{ {init} }}\nP0 ;\n{rows}{question}"
    return run(parse(text), MODELS[MODEL[arch]])


@pytest.mark.parametrize(
    ("arch", "init", "program", "condition"),
    [
        (ARM, "0:X1=1", "ADD X0,X1,X1,LSL #3", "0:X0=9"),
        (ARM, "0:X1=1", "ADD X0,X1,#1,LSL #12", "0:X0=4097"),
        (ARM, "0:X1=33", "ADD W0,W1,W1,LSR #4", "0:X0=35"),
        (ARM, "0:X1=255", "ADD X0,XZR,W1,SXTB #2", "0:X0=-4"),
        (ARM, "0:X1=65536", "MUL W0,W1,W1", "0:X0=0"),
        (ARM, "uint64_t 0:X0", "MOV W0,#-1", "0:X0=0xffffffff"),
        (ARM, "", "MOV W1,#-1; CMP W1,#1; CSET W0,HI", "0:X0=1"),
        (ARM, "", "MOV W1,#-1; CMP W1,#1; CSET W0,LT", "0:X0=1"),
        (ARM, "", "MOV W1,#-1; ADDS W2,W1,#1; CSET W0,CS", "0:X0=1"),
        (ARM, "", "MOV W1,#1; ANDS W1,W1,#1; CSET W0,CS", "0:X0=0"),
        (ARM, "", "MOV W1,#7; CMP W1,#7; CSINC W0,WZR,W1,NE", "0:X0=8"),
        (ARM, "uint8_t x; 0:X1=x", "MOV W0,#257; STRB W0,[X1]", "x=1"),
        (ARM, "int8_t x=-1; 0:X1=x", "LDRB W0,[X1]", "0:X0=255"),
        (ARM, "int v[2]={1,2}; 0:X1=v", "LDR W0,[X1,#4]", "0:X0=2"),
        (ARM, "int v[2]={1,2}; 0:X1=v", "MOV X2,#1; STR WZR,[X1,X2,LSL #2]", "v[0]=1 /\\ v[1]=0"),
        (ARM, "int64_t v[2]; 0:X1=v[1]", "MOV X0,#3; STR X0,[X1]", "v[0]=0 /\\ v[1]=3"),
        (ARM, "int v[2]; int *p=&v[1]; 0:X1=p", "LDR X1,[X1]; STR WZR,[X1]", "p=v[1]"),
        (X86, "", "movl $1,%eax; testl %eax,%eax; je L0; movl $2,%ebx; L0:", "0:rbx=2"),
        (X86, "", "movl $-1,%eax; cmpl $1,%eax; ja L0; movl $2,%ebx; L0:", "0:rbx=0"),
        (X86, "", "movl $-1,%eax; cmpl $1,%eax; jl L0; movl $2,%ebx; L0:", "0:rbx=0"),
        (X86, "", "movl $-1,%eax; addl $1,%eax; jz L0; movl $2,%ebx; L0:", "0:rbx=0"),
        (X86, "uint64_t 0:rax", "movq $-1,%rax; movl %eax,%eax", "0:rax=0xffffffff"),
        (X86, "int64_t v[2]={1,2}; 0:rax=v; 0:rbx=1", "movq (%rax,%rbx,8),%rcx", "0:rcx=2"),
        (PPC, "x=-1; 0:r1=x; int64_t 0:r2", "lwz r2,0(r1)", "0:r2=0xffffffff"),
        (PPC, "x=-1; 0:r1=x; int64_t 0:r2", "lwa r2,0(r1)", "0:r2=-1"),
        (PPC, "x=-1; 0:r1=x", "lwz r2,0(r1); cmpwi r2,-1; bne L0; li r3,1; L0:", "0:r3=1"),
        (PPC, "int v[2]={1,2}; 0:r1=v", "lwz r2,4(r1); stw r2,0(r1)", "v[0]=2"),
    ],
)
def test_an_instruction(arch, init, program, condition):
    """Each instruction computes what the architecture's manual says."""
    found = outcome(arch, init, program, f"forall ({condition})")
    states = [state_text(state) for state in found.states]
    assert (found.observation, found.faults) == ("Always", set()), states


@pytest.mark.parametrize(
    ("arch", "init", "program"),
    [
        (ARM, "int x; 0:X1=x", "LDRB W0,[X1]"),
        (ARM, "x=1; 0:X1=x", "STRH W0,[X1]"),
        (ARM, "int v[2]; 0:X1=v", "LDR X0,[X1]"),
        (ARM, "int64_t x; 0:X1=x", "LDR W0,[X1]"),
        (X86, "int64_t x", "movl (x),%eax"),
        (PPC, "x=1; 0:r1=x", "lbz r2,0(r1)"),
    ],
)
def test_parts_of_locations_are_refused(arch, init, program):
    """An access to a part of a location is refused by name: what it reads is not known here."""
    with pytest.raises(UsageError, match="parts of a location"):
        outcome(arch, init, program, "exists (true)")


@pytest.mark.parametrize(
    ("arch", "program"),
    [
        (ARM, "CBZ W0,L1"),
        (ARM, "B .+8"),
        (X86, "je L1"),
        (PPC, "beq L1"),
        (X86, "movb $1,(x)"),
        (X86, "movw %ax,(x)"),
        (PPC, "cmplwi r0,1"),
        (ARM, "ADD X0,X1,X2,MSL #1"),
        (ARM, "LDR W0,[X1,X2,LSR #1]; LDR W0,[X1],#4"),
    ],
)
def test_what_is_not_known_is_a_mistake(arch, program):
    """A label that is not there, and parts of registers, are refused before anything runs."""
    with pytest.raises(LitmusError):
        outcome(arch, "", program, "exists (true)")
