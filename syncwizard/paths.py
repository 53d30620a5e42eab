"""Every path of ours."""
