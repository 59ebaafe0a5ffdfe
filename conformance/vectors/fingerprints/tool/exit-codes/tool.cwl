cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
successCodes: [3, 0, 3, -1]
temporaryFailCodes: [75, 5]
permanentFailCodes: [9]
inputs: []
outputs: []
