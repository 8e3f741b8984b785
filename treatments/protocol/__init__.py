"""The clinical rules as functions of values: what to ask, what stops a treatment, when, how often and how deep.

This package is sealed: standard library only, no Django, no clock, no settings. The day is always an argument, so the
same facts give the same answer in a view, a task, a test and a replay years later. The numbers live in
`catalogue.toml`, where a clinician can read them; the code here only knows how to apply them.
"""
