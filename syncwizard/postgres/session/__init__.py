"""Sessions at either end: how they are opened, set, polled, cancelled, their errors, and facts of their servers."""
