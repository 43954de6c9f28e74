"""What everything else stands on: settings, files, errors, progress, processes."""
