cwlVersion: v1.2
class: CommandLineTool
baseCommand: [./align, bin/sort]
inputs: []
outputs: []
