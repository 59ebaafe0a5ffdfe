cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.f.contents)]
inputs: {f: File}
outputs: []
