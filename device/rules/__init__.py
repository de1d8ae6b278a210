"""Rules: when a face fulfils a condition for so long, do something (docs/rules.md).

Modules: `parser` text to `tree`; `evaluate` a tree and a face to true, false or unknown; `watch`
hold and cooldown; `actions` what is done; `runner` the threads.
"""
