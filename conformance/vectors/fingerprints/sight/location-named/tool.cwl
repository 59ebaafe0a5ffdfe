cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.f.location)]
inputs: {f: File}
outputs: []
