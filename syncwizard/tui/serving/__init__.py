"""The screens in a browser, for a screen share."""
