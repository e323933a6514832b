"""The app in a browser on this machine, through textual-serve: one process of the app for each page that is open."""

HOST = "127.0.0.1"
"""Where the app is served: no other machine reaches it, and nothing makes it another address."""
DRIVER = "packflow_app.tui.browser.driver:BrowserDriver"
"""What TEXTUAL_DRIVER says to an app whose screen is a page."""
