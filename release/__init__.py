"""What a release has to pass: ``make release-check``. CONTRIBUTING.md says how one is made."""
