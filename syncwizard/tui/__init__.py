"""The screens: the only code that knows Textual. Speaks to tasks through client/ alone."""
