"""Rules: when a face fulfils a condition for so long, do something (docs/rules.md).

Modules: `build` from settings to what watches them; `watch` hold and cooldown; `actions` what is
done; `runner` the threads.
"""
