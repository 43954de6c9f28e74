"""Foundation of all other packages: settings, files, errors, progress, processes."""
