import { speaker } from '../../i18n/words';

export const words = {
  photos: ['照片', 'Photos'],
  take: ['拍照或选照片', 'Take or choose a photo'],
  chosen: ['第 {} 张照片', 'Photo {}'],
  leaveOut: ['去掉第 {} 张', 'Leave photo {} out'],
  unreadable: ['这个文件不是能打开的照片', 'This file is no photo that can be opened'],
  shown: ['照片 {}，{}', 'Photo {}, {}'],
  isPublic: ['已公开', 'Shown to all'],
  isPrivate: ['未公开', 'Not shown to all'],
  publish: ['看过了，可以公开', 'Looked at: show to all'],
  unpublish: ['不再公开', 'Show no longer'],
  erase: ['删除照片', 'Erase the photo'],
  eraseSure: ['确定彻底删除？', 'Erase it for good?'],
  erased: ['{} 已删除', 'Erased {}'],
  unreached: ['照片没有载入', 'The photo could not be loaded'],
} as const;

export const t = speaker(words);
