cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {ToolTimeLimit: {timelimit: 60}}
inputs: []
outputs: []
