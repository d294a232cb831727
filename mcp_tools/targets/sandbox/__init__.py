"""An embedded, simulated Kubernetes cluster that the real helm, kubectl and kubernetes client talk to unchanged."""
