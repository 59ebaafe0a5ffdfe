cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.named)]
inputs: {n: int}
outputs: []
