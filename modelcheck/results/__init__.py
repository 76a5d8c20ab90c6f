"""From integers back to the user's words: results, traces, replay tokens, state graphs."""
