cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs: {a: File, b: "File[]", c: File}
outputs: []
