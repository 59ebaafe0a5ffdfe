cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  DockerRequirement: {dockerPull: "example/align@sha256:5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"}
inputs: []
outputs: []
