cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.f.path), $(inputs.f.basename)]
inputs: {f: File}
outputs: []
