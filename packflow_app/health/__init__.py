"""Whether Packflow can work here: one module a subject, each looks and changes nothing."""
