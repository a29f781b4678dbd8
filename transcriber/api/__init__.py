"""HTTP only: parse, call, render."""
