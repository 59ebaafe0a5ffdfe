cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  DockerRequirement: {dockerImport: root.tar, dockerImageId: "example/align:1.0"}
inputs: []
outputs: []
