"""What gansmith is measured against: plain PyTorch, as a good tutorial would write it."""
