"""Guided dialogues that can be left at any point and gone on with later, on any computer.

`machine` says what the steps are and where one is, without I/O; `repository` saves that.
"""
