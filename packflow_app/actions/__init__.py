"""What a user can do, one module an action: options in, rooms called, a value out.

Faces fill the options and show the values; an action prints nothing and asks nothing.
"""
