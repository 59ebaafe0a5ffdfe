"""What runs cost: workloads, any runner by a command template, and the targets of cwl-memo."""
