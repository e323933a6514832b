"""What each command asks a person, as data: any face renders it, and the answers fill the command's own options."""
