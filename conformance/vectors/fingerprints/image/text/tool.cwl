cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  DockerRequirement: {dockerFile: "FROM example/align:1.0\nRUN true\n", dockerImageId: built}
inputs: []
outputs: []
