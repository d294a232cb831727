"""The node: scheduler, kubelet, images, and what containers do when they run."""
