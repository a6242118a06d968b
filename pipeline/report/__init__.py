"""What every page shares: the HTML shell, numbers as text, axis scales and accessible charts."""
