"""The command line: parse, ask the workbench, render."""
