cwlVersion: v1.2
class: CommandLineTool
baseCommand: [$(inputs.p)]
arguments: [sort]
inputs: {p: string}
outputs: []
