"""Conditions on faces, of rules and sources: `Smiling > 0.8 and not Eyeglasses` (docs/rules.md).

Modules: `parser` text to `tree`; `evaluate` a tree and a face to true, false or unknown;
`level` results to on and off, for sources.
"""
