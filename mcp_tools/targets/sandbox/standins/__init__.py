"""Stand-ins for the two engines that have no API to speak: Docker and Minikube. Images are records."""
