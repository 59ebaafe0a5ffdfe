cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs: {f: File, g: File, d: Directory}
outputs: []
