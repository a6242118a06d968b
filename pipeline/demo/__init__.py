"""The whole product in one command, on simulated patients."""
