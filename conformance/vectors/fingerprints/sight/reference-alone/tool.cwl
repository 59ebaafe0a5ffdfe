cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.f)]
inputs: {f: File}
outputs: []
