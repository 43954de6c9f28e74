"""Contact sheets: predictions beside ground truth."""
