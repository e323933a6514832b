"""Any archive: what it holds, what it claims, and whether its bytes are right."""
