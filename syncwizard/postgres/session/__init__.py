"""Sessions at either end: how they are opened, set, polled, cancelled, and what their errors mean."""
