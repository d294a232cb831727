"""Where things are deployed besides the clusters that the engines reach by a kubeconfig."""
