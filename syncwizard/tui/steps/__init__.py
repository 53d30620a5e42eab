"""The steps of the wizard, a module each."""
