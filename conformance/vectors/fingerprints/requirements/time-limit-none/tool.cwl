cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {ToolTimeLimit: {timelimit: 0}}
inputs: []
outputs: []
