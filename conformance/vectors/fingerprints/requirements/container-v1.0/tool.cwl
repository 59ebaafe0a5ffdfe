cwlVersion: v1.0
class: CommandLineTool
baseCommand: align
hints:
  DockerRequirement: {dockerPull: "example/align:1.0"}
inputs: []
outputs: []
