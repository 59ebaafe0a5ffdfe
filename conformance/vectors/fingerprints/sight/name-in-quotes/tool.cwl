cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: ['$(inputs["f"])', '$(inputs["f"].path)']
inputs: {f: File}
outputs: []
