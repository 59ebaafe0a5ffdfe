cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  DockerRequirement: {dockerPull: "example/align:1.0"}
inputs: []
outputs: []
