"""How many live sessions a machine holds, and how near that is to what it could."""
