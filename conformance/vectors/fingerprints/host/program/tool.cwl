cwlVersion: v1.2
class: CommandLineTool
baseCommand: [align, sort, notes.txt]
inputs: []
outputs: []
